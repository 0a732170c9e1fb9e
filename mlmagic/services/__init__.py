"""Services: what is deployed, how it fares, and its handle."""

from mlmagic.services.catalogue import Services, check_key
from mlmagic.services.plan import Change, Plan
from mlmagic.services.records import check_name
from mlmagic.services.traffic import Traffic
from mlmagic.services.watcher import News, watch, watch_value
from mlmagic.services.webservice import Webservice

__all__ = [
    "Change",
    "News",
    "Plan",
    "Services",
    "Traffic",
    "Webservice",
    "check_key",
    "check_name",
    "watch",
    "watch_value",
]
