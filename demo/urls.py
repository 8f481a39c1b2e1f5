"""The addresses of the demo. `chozoi_chat.urls` includes them where DEMO is on."""

from __future__ import annotations

from django.urls import path

from demo import views

urlpatterns = [
    path("", views.page, name="demo"),
    path("demo/sign-in", views.sign_in, name="demo-sign-in"),
    path("demo/kill", views.kill_server, name="demo-kill"),
    path("demo/elsewhere", views.send_from_elsewhere, name="demo-elsewhere"),
]
