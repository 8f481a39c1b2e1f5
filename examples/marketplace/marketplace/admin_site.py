from django.contrib.admin import AdminSite


class MarketplaceAdminSite(AdminSite):
    """The site that `django.contrib.admin.site` is in this project."""

    site_header = "Chợ Nhỏ, the back office"
    site_title = "Chợ Nhỏ"
    index_title = "Shops, products and users"
