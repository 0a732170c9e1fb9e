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
config.environment = env
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
