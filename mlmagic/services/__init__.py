"""Services: what is deployed, how it fares, and its handle."""

from mlmagic.services.catalogue import Services
from mlmagic.services.plan import Change, Plan
from mlmagic.services.records import check_name
from mlmagic.services.watcher import watch
from mlmagic.services.webservice import Webservice

__all__ = ["Change", "Plan", "Services", "Webservice", "check_name", "watch"]
