"""``azureml.core.image``: importable; v1 itself had put ``Model.deploy`` in its place."""

from mlmagic.azureml.coverage import refused_class

__path__: list[str] = []  # as in `compute`
_WAY = "Deploy with Model.deploy, which makes the image it needs."
ContainerImage = refused_class("ContainerImage", _WAY)
Image = refused_class("Image", _WAY)
