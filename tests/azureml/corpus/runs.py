from azureml.core import Experiment, Run, ScriptRunConfig, Workspace
from azureml.exceptions import ActivityFailedException, ModelPathNotFoundException

ws = Workspace.from_config()
experiment = Experiment(workspace=ws, name="myexperiment")

with experiment.start_logging() as run:
    run.log("alpha", 0.03)
    run.log("mse", 1)
    run.log("mse", 2)
    with open("model.pkl", "w") as stream:
        stream.write("not really a pickle")
    run.upload_file(name="outputs/model.txt", path_or_stream="model.pkl")
print(run.status, run.get_metrics(), run.get_file_names())
model = run.register_model(
    model_name="from-run", model_path="outputs/model.txt", tags={"alpha": "0.03"}
)
print(model.name, model.version, model.run_id == run.id, model.experiment_name, sep="\t")
try:
    run.register_model("wrong", model_path="outputs/other.txt")
except ModelPathNotFoundException as error:
    print("outputs/model.txt" in error.message)

with open("train.py", "w") as stream:
    stream.write(
        "import os, sys\n"
        "from azureml.core import Run\n"
        "run = Run.get_context()\n"
        "run.log('rate', float(sys.argv[2]))\n"
        "open('outputs/trained.txt', 'w').write('trained')\n"
        "print('training', os.environ['GREETING'])\n"
    )
from azureml.core import Environment

env = Environment("train")
env.environment_variables["GREETING"] = "hello"
config = ScriptRunConfig(source_directory=".", script="train.py", arguments=["--rate", 0.5])
config.run_config.environment = env
run = experiment.submit(config)
run.wait_for_completion(show_output=True)
print(run.get_status(), run.get_metrics("rate"))
print(run.register_model("trained", "outputs/trained.txt").id)
print([each.id for each in experiment.get_runs()][0] == run.id)
print(sorted(ws.experiments))

with open("train.py", "w") as stream:
    stream.write("raise SystemExit('no data')\n")
run = experiment.submit(ScriptRunConfig(".", script="train.py"))
try:
    run.wait_for_completion()
except ActivityFailedException as error:
    print("no data" in error.message, run.status)
print(type(Run.get_context()).__name__)

import os

from azureml.core import get_run

os.makedirs("outputs", exist_ok=True)
with open("outputs/late.txt", "w") as stream:
    stream.write("written while it ran")
run = experiment.start_logging(snapshot_directory=None, display_name="night", tags={"area": "x"})
with run.child_run(name="fold 1") as child:
    child.log("fold", 1)
run.complete()
print(run.display_name, run.tags, "outputs/late.txt" in run.get_file_names())
print(run.register_model("late", "outputs/late.txt").id)
print([each.get_metrics() for each in run.get_children()], child.parent.id == run.id)
run.set_tags({"r": "1"})
run.remove_tags("area")
print(run.get_tags(), get_run(experiment, run.id, clean_up=False).id == run.id)
for attempt in (
    lambda: run.log("many", [1, 2]),
    lambda: run.upload_files(["a", "b"], ["train.py"]),
):
    try:
        attempt()
    except Exception as error:
        print(type(error).__name__, getattr(error, "message", error))
print([*experiment.get_runs(type="hyperdrive")], Experiment.list(ws, view_type="ArchivedOnly"))
with Run.get_context() as offline:
    offline.log_table("t", {"a": [1]})
    print(offline.id.startswith("OfflineRun_"), hasattr(offline, "experiment"))
