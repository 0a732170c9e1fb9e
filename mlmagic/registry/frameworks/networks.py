"""Networks and language models as files without code."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

from mlmagic.registry.frameworks.framework import Saved

if TYPE_CHECKING:
    from pathlib import Path


def save_pytorch(model: Any, folder: Path) -> Saved:
    """Write a scripted or exported program whole, of any other module its state."""
    import torch

    if isinstance(model, torch.export.ExportedProgram):
        torch.export.save(model, folder / "model.pt2")
        return Saved(name="model.pt2", loader="torch-export")
    path = folder / "model.pt"
    # A file's own name would go into the archive.
    buffer = io.BytesIO()
    if isinstance(model, torch.jit.ScriptModule):
        torch.jit.save(model, buffer)
        path.write_bytes(buffer.getbuffer())
        return Saved(name=path.name, loader="torchscript")
    state = model.state_dict() if isinstance(model, torch.nn.Module) else model
    torch.save(state, buffer)
    path.write_bytes(buffer.getbuffer())
    return Saved(name=path.name, loader="torch-state")


def pytorch_to_onnx(model: Any, sample: Any) -> bytes:
    """Convert by torch's exporter; the first dimension is free."""
    import numpy as np
    import torch

    rows = torch.from_numpy(np.array(sample)) if not isinstance(sample, torch.Tensor) else sample
    program = torch.onnx.export(
        model.eval(),
        (rows,),
        dynamo=True,
        verbose=False,
        dynamic_shapes=({0: torch.export.Dim.AUTO},),
    )
    return bytes(program.model_proto.SerializeToString(deterministic=True))


def save_keras(model: Any, folder: Path) -> Saved:
    """Write a Keras archive; equal models have equal bytes."""
    path = folder / "model.keras"
    model.save(path)
    path.write_bytes(_without_times(path.read_bytes()))
    return Saved(name=path.name, loader="keras")


def save_onnx(model: Any, folder: Path) -> Saved:
    """Write a model of ONNX."""
    (folder / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))
    return Saved(name="model.onnx", loader="onnx")


def save_spacy(model: Any, folder: Path) -> Saved:
    """Write a pipeline of spaCy as a folder; its parts are registered functions by name."""
    model.to_disk(folder / "model")
    return Saved(name="model", loader="spacy")


def save_transformers(model: Any, folder: Path) -> Saved:
    """Write a model, a tokenizer or a pipeline as a folder; weights as safetensors."""
    target = folder / "model"
    model.save_pretrained(target)
    if hasattr(model, "task"):
        (target / "pipeline.json").write_text(json.dumps({"task": model.task}), encoding="utf-8")
    return Saved(name="model", loader="transformers", modules=frozenset({"torch"}))


def _without_times(data: bytes) -> bytes:
    """Fix the times of a Keras archive."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as source,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as target,
    ):
        for name in source.namelist():
            content = source.read(name)
            if name == "metadata.json":
                facts = {**json.loads(content), "date_saved": ""}
                content = json.dumps(facts, sort_keys=True).encode()
            target.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    return buffer.getvalue()
