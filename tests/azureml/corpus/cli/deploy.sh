#!/bin/sh
# az ml is not a command in a comment
set -e
NAME=hello
MODEL=$(az ml model register -n $NAME -p model.txt -o tsv --query model.id)
az ml model deploy -n ${NAME}-svc -m "$MODEL" --ic inferenceconfig.json \
    --dc aciconfig.yml --overwrite > deploy.log 2>&1
az ml service run -n ${NAME}-svc -d '{"data": [1, 2]}' -o json | tee answer.json
