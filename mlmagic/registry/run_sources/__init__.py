"""Where models of training runs come from: searches, studies, and runs of MLflow.

RunSet       what a search or a study tried
Candidate    one of its trials: metrics, parameters, and how to get its model
choose       the candidate that a user means, by the rules of Azure ML v1
read_runs    a search or study as a RunSet; sources of others by the entry point
``mlmagic.run_sources``
"""

from mlmagic.registry.run_sources.choosing import choose, default_name
from mlmagic.registry.run_sources.kinds import read_runs
from mlmagic.registry.run_sources.runset import Candidate, RunSet

__all__ = ["Candidate", "RunSet", "choose", "default_name", "read_runs"]
