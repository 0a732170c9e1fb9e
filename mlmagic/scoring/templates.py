"""What is the same in the description of every service, as v1's server words it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_HEALTHY = "If service is up and running, this response will be returned with the content 'Healthy'"
_FAILED = "The service failed to execute due to an error."
_SCORED = (
    "The service processed the input correctly and provided a result prediction, if applicable."
)
_HEALTH = "Simple health check endpoint to ensure the service is up at any given point."
_RUN = "Run web service's model and get the prediction output"
_INPUT = "The input payload for executing the real-time machine learning service."
_KEY = {
    "type": "apiKey",
    "name": "Authorization",
    "in": "header",
    "description": "For example: Bearer abc123",
}
_ERROR = {"type": "object", "properties": {"message": {"type": "string"}}}
_BEARER: list[dict[str, list[str]]] = [{"Bearer": []}]
_JSON = "application/json"


@dataclass(frozen=True)
class About:
    """The service as its clients know it."""

    name: str
    version: str
    path_prefix: str

    def info(self) -> dict[str, str]:
        """Return title, description and version."""
        text = f"API specification for the Azure Machine Learning service {self.name}"
        return {"title": self.name, "description": text, "version": self.version}

    def path(self, route: str) -> str:
        """Return a route below the prefix."""
        prefix = self.path_prefix.strip("/")
        return f"/{prefix}{route}" if prefix else route


def openapi_2(
    about: About, input_schema: dict[str, Any], output_schema: dict[str, Any]
) -> dict[str, Any]:
    """Return the document of version 2."""
    definitions = {"ServiceInput": input_schema, "ServiceOutput": output_schema}
    version = {"name": "version", "in": "query", "required": False, "type": "integer"}
    payload = {
        "name": "serviceInputPayload",
        "in": "body",
        "description": _INPUT,
        "schema": {"$ref": "#/definitions/ServiceInput"},
    }
    health = {
        "description": _HEALTHY,
        "schema": {"type": "string"},
        "examples": {_JSON: "Healthy"},
    }
    document = {"description": "The Swagger specification.", "schema": {"type": "string"}}
    scored = {"description": _SCORED, "schema": {"$ref": "#/definitions/ServiceOutput"}}
    return {
        "swagger": "2.0",
        "info": about.info(),
        "schemes": ["https"],
        "consumes": [_JSON],
        "produces": [_JSON],
        "securityDefinitions": {"Bearer": _KEY},
        "paths": _paths(
            about,
            health=_responses_2(health),
            score={"parameters": [payload], "responses": _responses_2(scored)},
            document=_responses_2(document),
            version=version | {"enum": [2, 3]},
        ),
        "definitions": definitions | {"ErrorResponse": _ERROR},
    }


def openapi_3(
    about: About, input_schema: dict[str, Any], output_schema: dict[str, Any], *, version: str
) -> dict[str, Any]:
    """Return the document of version 3.0 or 3.1."""
    schemas = {"ServiceInput": input_schema, "ServiceOutput": output_schema}
    text = {"text/plain": {"schema": {"type": "string", "example": "Healthy"}}}
    document = {"text/plain": {"schema": {"type": "string"}}}
    body = {"description": _INPUT, "content": {_JSON: _schema_3("ServiceInput")}}
    scored = {_JSON: _schema_3("ServiceOutput")}
    asked = {"name": "version", "in": "query", "required": False}
    return {
        "openapi": "3.1.0" if version == "3.1" else "3.0.3",
        "info": about.info(),
        "security": _BEARER,
        "paths": _paths(
            about,
            health=_responses_3(_HEALTHY, text),
            score={"requestBody": body, "responses": _responses_3(_SCORED, scored)},
            document=_responses_3("The Swagger specification.", document),
            version=asked | {"schema": {"type": "integer", "enum": [2, 3]}},
        ),
        "components": {
            "schemas": schemas | {"ErrorResponse": _ERROR},
            "securitySchemes": {"Bearer": _KEY},
        },
    }


def _paths(
    about: About,
    *,
    health: dict[str, Any],
    score: dict[str, Any],
    document: dict[str, Any],
    version: dict[str, Any],
) -> dict[str, Any]:
    check = {"operationId": "ServiceHealthCheck", "description": _HEALTH, "responses": health}
    run = {"operationId": "RunMLService", "description": _RUN, "security": _BEARER, **score}
    read = {
        "operationId": "GetSwaggerSpec",
        "description": "Get the Swagger specification.",
        "parameters": [version],
        "responses": document,
    }
    return {
        about.path("/"): {"get": check},
        about.path("/score"): {"post": run},
        about.path("/swagger.json"): {"get": read},
    }


def _responses_2(good: dict[str, Any]) -> dict[str, Any]:
    error = {"description": _FAILED, "schema": {"$ref": "#/definitions/ErrorResponse"}}
    return {"200": good, "default": error}


def _responses_3(text: str, content: dict[str, Any]) -> dict[str, Any]:
    error = {"description": _FAILED, "content": {_JSON: _schema_3("ErrorResponse")}}
    return {"200": {"description": text, "content": content}, "default": error}


def _schema_3(name: str) -> dict[str, Any]:
    return {"schema": {"$ref": f"#/components/schemas/{name}"}}
