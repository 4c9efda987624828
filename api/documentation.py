"""``/docs``: Swagger UI from its wheel, because no machine of a plant reaches a CDN."""

from __future__ import annotations

from importlib.resources import files

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

_FOLDER = "/docs/files"


def add_documentation(app: FastAPI) -> None:
    """The page and its files."""
    folder = str(files("fastapi_swagger") / "resources")
    app.mount(_FOLDER, StaticFiles(directory=folder), "documentation")

    @app.get("/docs", include_in_schema=False)
    async def page() -> HTMLResponse:  # pyright: ignore[reportUnusedFunction]
        return get_swagger_ui_html(
            openapi_url=app.openapi_url or "",
            title=f"{app.title}: API",
            swagger_js_url=f"{_FOLDER}/swagger-ui-bundle.js",
            swagger_css_url=f"{_FOLDER}/swagger-ui.css",
            swagger_favicon_url=f"{_FOLDER}/favicon-32x32.png",
            swagger_ui_parameters={"persistAuthorization": True},
        )
