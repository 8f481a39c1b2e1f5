from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path

from accounts.views import AccountView
from shops.views import ProductListView, ProductView, ShopView

urlpatterns = [
    path("", ProductListView.as_view(), name="products"),
    path("products/<int:pk>/", ProductView.as_view(), name="product"),
    path("shops/<slug:slug>/", ShopView.as_view(), name="shop"),
    path("account/", AccountView.as_view(), name="account"),
    path("login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("admin/", admin.site.urls),
    path("v1/conversations/", include("moderation.api.reports")),
    path("v1/conversations/", include("conversations.api.urls")),
]
