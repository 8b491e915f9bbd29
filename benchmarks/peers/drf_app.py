"""Django REST Framework: one model, one ModelViewSet, token checked.

Every query names the tenant; no row security, no log. Persistent connections.
"""

import os
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID, uuid4

import django
import jwt
from django.conf import settings

_dsn = urlsplit(os.environ["BENCH_DSN"])
settings.configure(
    SECRET_KEY="only for measuring",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    INSTALLED_APPS=["rest_framework"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": _dsn.path.removeprefix("/"),
            "USER": _dsn.username,
            "PASSWORD": unquote(_dsn.password or ""),
            "HOST": parse_qs(_dsn.query)["host"][0],
            "CONN_MAX_AGE": None,
        }
    },
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "UNAUTHENTICATED_USER": None,
    },
)
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402 - after setup()
from django.db import models  # noqa: E402
from django.urls import include, path  # noqa: E402
from rest_framework import routers, serializers, viewsets  # noqa: E402
from rest_framework.authentication import BaseAuthentication  # noqa: E402
from rest_framework.exceptions import AuthenticationFailed  # noqa: E402
from rest_framework.pagination import CursorPagination  # noqa: E402

_SECRET = os.environ.get("BENCH_SECRET", "0" * 32)


class Tokens(BaseAuthentication):
    """Takes the tenant from a bearer token."""

    def authenticate(self, request: Any) -> tuple[UUID, None]:
        """Return the tenant in the user's place."""
        try:
            claims = jwt.decode(
                request.headers["Authorization"][7:], _SECRET, algorithms=["HS256"]
            )
        except (KeyError, jwt.InvalidTokenError) as error:
            raise AuthenticationFailed from error
        return UUID(claims["tenant"]), None


class Item(models.Model):
    """The measured table."""

    id = models.UUIDField(primary_key=True, default=uuid4)
    tenant_id = models.UUIDField()
    code = models.CharField(max_length=20)
    name = models.TextField()
    email = models.TextField(null=True)
    phone = models.TextField(null=True)
    city = models.TextField(null=True)
    status = models.TextField(null=True)
    quantity = models.IntegerField(null=True)
    balance = models.BigIntegerField(null=True)
    joined_on = models.DateField(null=True)
    seen_at = models.DateTimeField(null=True)
    is_active = models.BooleanField(null=True)
    address = models.GenericIPAddressField(null=True)
    extra = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    created_by = models.UUIDField()
    updated_by = models.UUIDField()
    version = models.IntegerField(default=1)

    class Meta:
        """Where the table is."""

        app_label = "bench"
        managed = False
        db_table = 'svc_bench"."items'


class ItemSerializer(serializers.ModelSerializer[Item]):
    """Every field but the tenant's and the users'."""

    class Meta:
        """What is shown."""

        model = Item
        exclude = ("tenant_id", "created_by", "updated_by")


class Newest(CursorPagination):
    """Fifty newest first."""

    page_size = 50
    ordering = ("-created_at", "-id")


class ItemViewSet(viewsets.ModelViewSet[Item]):
    """List, get and create."""

    serializer_class = ItemSerializer
    pagination_class = Newest
    authentication_classes = (Tokens,)

    def get_queryset(self) -> Any:
        """Return the tenant's rows."""
        return Item.objects.filter(tenant_id=self.request.user)

    def perform_create(self, serializer: Any) -> None:
        """Add the tenant."""
        tenant = self.request.user
        serializer.save(tenant_id=tenant, created_by=tenant, updated_by=tenant)


router = routers.SimpleRouter(trailing_slash=False)
router.register("items", ItemViewSet, basename="items")
urlpatterns = [path("", include(router.urls))]
app = get_wsgi_application()
