"""The pages, built by NiceGUI on the same application; live values come from ``/live``."""

from api.pages.mounting import mount_pages

__all__ = ["mount_pages"]
