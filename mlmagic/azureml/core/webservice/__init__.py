"""``azureml.core.webservice``: services, in the shapes that v1 gave them."""

from mlmagic.azureml.core.webservice.aci import AciWebservice
from mlmagic.azureml.core.webservice.aks import AksEndpoint, AksWebservice
from mlmagic.azureml.core.webservice.local import LocalWebservice
from mlmagic.azureml.core.webservice.webservice import UnknownWebservice, Webservice

__all__ = [
    "AciWebservice",
    "AksEndpoint",
    "AksWebservice",
    "LocalWebservice",
    "UnknownWebservice",
    "Webservice",
]
