from django.contrib import admin

from shops.models import Product, Shop


class ProductInline(admin.TabularInline):
    model = Product
    fields = ("name", "price", "stock")
    extra = 0
    show_change_link = True


@admin.register(Shop)
class ShopAdmin(admin.ModelAdmin):
    list_display = ("name", "city", "owner")
    list_filter = ("city",)
    list_select_related = ("owner",)
    search_fields = ("name", "owner__username", "owner__display_name")
    autocomplete_fields = ("owner",)
    prepopulated_fields = {"slug": ("name",)}
    inlines = (ProductInline,)


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):
    list_display = ("name", "shop", "price_text", "stock", "added_at")
    list_filter = ("shop",)
    list_select_related = ("shop",)
    search_fields = ("name", "shop__name")
    autocomplete_fields = ("shop",)
