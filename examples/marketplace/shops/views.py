from django.db.models import QuerySet
from django.views.generic import DetailView, ListView

from shops.models import Product, Shop


class ProductListView(ListView):
    """All products, the newest first."""

    queryset = Product.objects.select_related("shop")
    paginate_by = 12
    template_name = "shops/products.html"
    context_object_name = "products"


class ProductView(DetailView):
    """One product, and others of its shop."""

    queryset = Product.objects.select_related("shop__owner")
    template_name = "shops/product.html"

    def get_context_data(self, **kwargs: object) -> dict[str, object]:
        others: QuerySet[Product] = self.object.shop.products.exclude(pk=self.object.pk)
        return super().get_context_data(others=others[:4], **kwargs)


class ShopView(DetailView):
    """A shop and all that it sells."""

    queryset = Shop.objects.select_related("owner").prefetch_related("products")
    template_name = "shops/shop.html"
