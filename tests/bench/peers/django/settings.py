"""The chat of the Channels tutorial, with a table; no more of Django than it needs."""

import os
from urllib.parse import urlsplit

database = urlsplit(os.environ["DATABASE_URL"])

SECRET_KEY = "of no use: there are no sessions"
ALLOWED_HOSTS = ["*"]
USE_TZ = True
INSTALLED_APPS = ["channels", "chat"]
ROOT_URLCONF = "chat.routing"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": database.hostname,
        "PORT": database.port,
        "USER": database.username,
        "NAME": database.path[1:],
        # The default would connect anew for every message.
        "CONN_MAX_AGE": None,
    }
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {
            "hosts": [("127.0.0.1", int(os.environ["REDIS_PORT"]))],
            # The default of 100 loses messages earlier.
            "capacity": 1500,
        },
    }
}
