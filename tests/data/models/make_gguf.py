"""Write ``tiny.gguf`` with ggml's own package: ``python make_gguf.py`` with gguf 0.19."""

from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter, quantize

writer = GGUFWriter(Path(__file__).with_name("tiny.gguf"), "llama")
writer.add_name("tiny")
writer.add_license("mit")
writer.add_context_length(32)
writer.add_embedding_length(32)
writer.add_block_count(1)
writer.add_file_type(7)  # most tensors are Q8_0
writer.add_tokenizer_model("llama")
writer.add_token_list(["<unk>", "a", "b"])
writer.add_token_scores([0.0, -1.0, -2.0])
writer.add_chat_template("{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}{% endfor %}")
weights = np.linspace(-1, 1, 96, dtype=np.float32).reshape(3, 32)
kind = GGMLQuantizationType.Q8_0
writer.add_tensor("token_embd.weight", quantize(weights, kind), raw_dtype=kind)
writer.add_tensor("output_norm.weight", np.ones(32, dtype=np.float32))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
