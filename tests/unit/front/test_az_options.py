"""Every option of ``az ml`` (extension azure-cli-ml) is taken, or refused by its name."""

from __future__ import annotations

import pytest

from mlmagic.errors import UsageError
from mlmagic.options import find_verb, read_line

# The words of azure-cli-ml's reference; '=' gives the option a value.
DEPLOY = """
    -n=svc --name=svc -m=hello:1 --model=hello:1 -f=model.json --model-metadata-file=model.json
    --ic=ic.json --inference-config-file=ic.json --dc=dc.json --deploy-config-file=dc.json
    -e=env --environment-name=env --ed=folder --environment-directory=folder
    --es=score.py --entry-script=score.py --sd=src --source-directory=src --rt=python
    --runtime=python --cf=env.yml --conda-file=env.yml --ds=steps --extra-docker-file-steps=steps
    --bi=python:3.11 --base-image=python:3.11 --ir=reg --base-image-registry=reg --eg=true
    --enable-gpu=true --cv=10.0 --cuda-version=10.0 --ct=aks --compute-target=aks --cp=aci
    --compute-type=aci --po=8890 --port=8890 --lo=eastus --location=eastus --dn=label
    --dns-name-label=label --namespace=ns --cc=1 --cpu-cores=1 --ccl=2 --cpu-cores-limit=2
    --gb=1 --memory-gb=1 --gbl=2 --memory-gb-limit=2 --gc=1 --gpu-cores=1 --pi=p.json
    --profile-input=p.json --as=true --autoscale-enabled=true --mi=1 --autoscale-min-replicas=1
    --ma=3 --autoscale-max-replicas=3 --ar=1 --autoscale-refresh-seconds=1 --at=70
    --autoscale-target-utilization=70 --nr=2 --num-replicas=2 --rm=1
    --replica-max-concurrent-requests=1 --mr=500 --max-request-wait-time=500 --tm=60000
    --scoring-timeout-ms=60000 --ps=10 --period-seconds=10 --id=310 --initial-delay-seconds=310
    --ts=2 --timeout-seconds=2 --st=1 --success-threshold=1 --ft=3 --failure-threshold=3
    --ae=true --auth-enabled=true --token-auth-enabled=true --kp=first --primary-key=first
    --ks=second --secondary-key=second --se=true --ssl-enabled=true --sp=c.pem
    --ssl-cert-pem-file=c.pem --sk=k.pem --ssl-key-pem-file=k.pem --sc=name --ssl-cname=name
    --vault-base-url=u --key-name=k --key-version=v --vnet-name=v --subnet-name=s --ai=true
    --enable-app-insights=true --md=true --collect-model-data=true --vn=v1 --version-name=v1
    --tp=50 --traffic-percentile=50 --tag=a=b --property=a=b --description=words --no-wait
    """
COMMON = """
    -w=ws --workspace-name=ws -g=rg --resource-group=rg --subscription-id=sub --path=.
    --verbose -v --only-show-errors
    """
VERSIONS = ("--ev", "--environment-version", "--version", "-v")  # need a name before them
COMMANDS = {
    "model register": """
        -n=hello --name=hello -p=m.txt --model-path=m.txt --asset-path=outputs/m.pkl
        --experiment-name=e -r=run --run-id=run
        -d=words --description=words --tag=a=b --property=a=b --model-framework=Custom
        --model-framework-version=1 --cc=1 --cpu-cores=1 --gb=1 --memory-gb=1 --gc=1 --gpu-cores=1
        -f=run.json --run-metadata-file=run.json -t=out.json --output-metadata-file=out.json
        --sample-input-dataset-id=[] --sample-output-dataset-id=[]
        """,
    "model list": """
        -n=hello --model-name=hello --tag=a=b --property=a=b --run-id=run --dataset-id=d -l --latest
        """,
    "model show": """
        -i=hello:1 --model-id=hello:1 -n=hello --name=hello --model-name=hello --version=1
        --run-id=run
        """,
    "model download": "-i=hello:1 --model-id=hello:1 -t=dir --target-dir=dir --overwrite",
    "model update": """
        -i=hello:1 --model-id=hello:1 --add-tag=a=b --remove-tag=a --add-property=a=b
        --description=words --cc=1 --gb=1 --gc=1 --sample-input-dataset-id=[]
        """,
    "model delete": "-i=hello:1 --model-id=hello:1",
    "model deploy": f"{DEPLOY} --ev=1 --environment-version=1 --overwrite",
    "model package": """
        -m=hello:1 --model=hello:1 -f=model.json --model-metadata-file=model.json --ic=ic.json
        --inference-config-file=ic.json --es=score.py --entry-script=score.py --sd=src
        --source-directory=src -e=env --environment-name=env --ed=dir --environment-directory=dir
        --rt=python --cf=env.yml --ds=steps --bi=image --ir=reg --eg=true --cv=10.0
        --output-path=out --image-name=image --image-label=1 --il=1 --in=image --no-wait
        """,
    "service list": """
        -c=aci --compute-type=aci --model-name=hello --model-id=hello:1 --tag=a --property=a
        --image-digest=sha256:1
        """,
    "service show": "-n=svc --name=svc",
    "service run": "-n=svc --name=svc -d={} --input-data={}",
    "service get-logs": "-n=svc --name=svc -l=50 --num_lines=50 -i --init",
    "service get-keys": "-n=svc --name=svc",
    "service regen-key": "-n=svc --name=svc -k=Primary --key=Primary -s=new --set-key=new",
    "service update": f"""
        {DEPLOY} --add-tag=a=b --remove-tag=a --add-property=a=b -d=words --is-migration=true
        """,
    "service delete": "-n=svc --name=svc",
    "computetarget list": "",
    "computetarget show": "-n=aks --name=aks",
    "computetarget detach": "-n=aks --name=aks",
    "computetarget delete": "-n=aks --name=aks",
    "computetarget attach aks": "-n=aks --name=aks -i=id --compute-resource-id=id",
    "computetarget attach kubernetes": "--amlk8s-config=c.json --aml_arc-config=c.json",
    "environment list": "-n=env --name=env",
    "environment show": "-n=env --name=env -v=1 --version=1",
    "environment register": "-d=dir --directory=dir",
    "environment download": "-n=env --name=env -d=dir --directory=dir -v=1 --version=1 --overwrite",
    "environment scaffold": "-n=env --name=env -d=dir --directory=dir -t=o",
    "folder attach": "-w=ws -g=rg -e=exp --experiment-name=exp --path=. --subscription-id=sub",
    "workspace show": "",
    "workspace list": "",
    "workspace create": """
        -l=westeurope --location=westeurope -f=ws --friendly-name=ws --sku=basic -t=a=b --tags=a=b
        --exist-ok --storage-account=id --keyvault=id --application-insights=id
        --container-registry=id --hbi-workspace --adb-workspace=id --cmk-keyvault=id
        --resource-cmk-uri=u --user-assigned-identity-for-cmk-encryption=i --pe-name=p
        --pe-auto-approval=true --pe-resource-group=g --pe-subnet-name=s --pe-subscription-id=s
        --pe-vnet-name=v --primary-user-assigned-identity=i --system_datastores_auth_mode=m
        --v1-legacy-mode=true
        """,
    "computetarget create aks": """
        -n=aks --name=aks -a=3 --agent-count=3 -s=size --vm-size=size -l=eastus --location=eastus
        --cluster-purpose=DevTest --service-cidr=c --dns-service-ip=i --docker-bridge-cidr=c
        --vnet-name=v --subnet-name=s --load-balancer-type=t --ssl-cname=c --ssl-cert-file=f
        --ssl-key-file=f --ssl-leaf-domain-label=l --ssl-overwrite-domain --load-balancer-subnet=s
        --vnet-resourcegroup-name=g
        """,
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_taken_or_refused_by_its_name(command):
    wrong = []
    for word in (*COMMANDS[command].split(), *COMMON.split()):
        flag, has_value, value = word.partition("=")
        of = ["-n", "env"] if flag in VERSIONS and has_value else []
        try:
            words = [*command.split(), *of, flag, *([value] if has_value else [])]
            read_line(words, prog="mlmagic")
        except UsageError as error:
            if flag not in str(error) or "There is no option" in str(error):
                wrong.append(f"{flag}: {error}")
    assert wrong == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("run submit-script -c local train.py", "'run submit-script' of Azure ML v1 is not here"),
        ("computetarget create amlcompute -n cpu", "run on this machine"),
        ("workspace share -w ws --role owner", "A workspace is a folder"),
        ("online-endpoint create -f e.yml", "is of Azure ML v2, and here are the verbs of v1"),
        ("model create --name m", "Write 'model register -n NAME -p PATH'"),
    ],
)
def test_other_verbs_of_az_are_refused_by_their_name(line, told):
    with pytest.raises(UsageError, match=told):
        find_verb(line.split())


def test_several_tags_and_values_of_flags_leave_no_word_behind():
    line = "workspace create --tags a=b c=d --exist-ok true -l west"
    assert read_line(line.split(), prog="mlmagic").values == {}


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("model deploy --inference-config ic.json", {"inference_config": "ic.json"}),
        ("model deploy --inference-config-f=ic.json", {"inference_config": "ic.json"}),
        (
            "model deploy -ic ic.json -ct my-aks",
            {"inference_config": "ic.json", "target": "my-aks"},
        ),
        (
            "model deploy --auth-e false --gpu 1 --no-w",
            {"auth": "none", "gpus": "1", "wait": False},
        ),
        ("service get-logs --name svc --num 5", {"name": "svc", "tail": 5}),
        ("model list --workspace ws --res rg --model hello", {"name": "hello"}),
        ("workspace create --friend ws --skus x", None),
        ("model list --outp json", {}),
    ],
)
def test_the_beginning_of_an_option_is_enough(line, values):
    if values is None:
        with pytest.raises(UsageError, match="There is no option '--skus'"):
            read_line(line.split(), prog="mlmagic")
    else:
        assert read_line(line.split(), prog="mlmagic").values == values


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "model deploy --cpu-c 1",
            "the beginning of several options. Write '--cpu-cores' or '--cpu-cores-limit'.",
        ),
        (
            "model deploy --ssl-cert c.pem",
            "The option '--ssl-cert-file' of Azure ML v1 is not taken",
        ),
        ("model deploy --key k", "'--key-name' of Azure ML v1 is not taken. Only the cloud"),
        (
            "model register -n m --model-fr x",
            "Write '--model-framework' or '--model-framework-version'",
        ),
    ],
)
def test_what_could_be_several_options_is_refused_with_them(line, told):
    with pytest.raises(UsageError) as refused:
        read_line(line.split(), prog="mlmagic")
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("model deploy --description --cpu-c", "--description: expected one argument"),
        ("model register -n m --=x", "There is no option '--'"),
    ],
)
def test_what_is_no_option_is_not_expanded(line, told):
    with pytest.raises(UsageError) as refused:
        read_line(line.split(), prog="mlmagic")
    assert told in str(refused.value)
