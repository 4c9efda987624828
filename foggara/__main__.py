"""python -m foggara"""

from foggara.cli.main import app

app()
