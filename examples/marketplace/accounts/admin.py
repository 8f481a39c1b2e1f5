from django.contrib import admin
from django.contrib.auth.admin import UserAdmin

from accounts.models import User


@admin.register(User)
class MarketplaceUserAdmin(UserAdmin):
    fieldsets = (*UserAdmin.fieldsets, ("Marketplace", {"fields": ("display_name", "phone")}))
    list_display = ("username", "display_name", "phone", "is_staff", "is_active")
    search_fields = ("username", "display_name", "phone")
