"""The door: routers, problems, and the door's own life."""

from __future__ import annotations

from fastapi import APIRouter, Depends, FastAPI
from fastapi.openapi.utils import get_openapi
from prometheus_client import CollectorRegistry
from starlette.middleware.trustedhost import TrustedHostMiddleware

from api import health, models, plant, problems, production, stream, tags, targets
from api.access import viewer
from api.context import Context
from api.documentation import add_documentation
from api.headers import LOOPBACK_NAMES, SafeHeaders
from api.live import Live

_ABOUT = """Water production and distribution monitoring.

Times are ISO 8601 with offset; volumes m³; flows m³/h; levels m; ratios 0 to 1. Unknown values are
`null`, never 0. Errors are `application/problem+json` (RFC 9457).
"""


def create_app(context: Context) -> FastAPI:
    """The application; ``app.state.live`` is its stream, which the assembly runs and closes."""
    app = FastAPI(
        title="Foggara",
        version=context.version,
        description=_ABOUT,
        docs_url=None,
        swagger_ui_oauth2_redirect_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    app.state.context = context
    app.state.live = Live(context)
    app.state.metrics = CollectorRegistry()
    app.state.metrics.register(health.HouseMetrics(context, app.state.live))
    problems.install(app)
    add_documentation(app)

    v1 = APIRouter(prefix="/api/v1", dependencies=[Depends(viewer)], responses=models.PROBLEMS)
    for router in (plant.router, production.router, tags.router, targets.router, stream.router):
        v1.include_router(router)
    app.include_router(v1)
    app.include_router(health.router)
    _describe(app)

    app.add_middleware(SafeHeaders)
    if context.auth == "off":
        # without keys a foreign page must not reach us under a name of its own (DNS rebinding)
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=[*LOOPBACK_NAMES, context.host])
    return app


def _describe(app: FastAPI) -> None:
    """OpenAPI with the security scheme and the problem's shape."""

    def openapi() -> dict[str, object]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
            )
            parts = schema.setdefault("components", {})
            shapes = parts.setdefault("schemas", {})
            problem = models.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            shapes.update(problem.pop("$defs", {}))
            shapes["Problem"] = problem
            parts["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
            schema["security"] = [{"key": []}]
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi
