"""``azureml.core.datastore``: importable; storage of the cloud is not reached."""

from mlmagic.azureml.coverage import refused_class

Datastore = refused_class("Datastore", "Read and write files with fsspec.")
