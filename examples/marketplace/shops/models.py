from django.conf import settings
from django.db import models
from django.urls import reverse


class Shop(models.Model):
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="shops")
    name = models.CharField(max_length=80)
    slug = models.SlugField(unique=True)
    city = models.CharField(max_length=40)
    about = models.TextField(blank=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("shop", args=[self.slug])


class Product(models.Model):
    shop = models.ForeignKey(Shop, on_delete=models.CASCADE, related_name="products")
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    price = models.PositiveIntegerField(help_text="In đồng, which has no smaller coin.")
    stock = models.PositiveIntegerField(default=0)
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-added_at", "-pk")

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("product", args=[self.pk])

    @property
    def tint(self) -> int:
        """Which of the stylesheet's tints the tile has that stands for a picture."""
        return self.pk % 5

    @property
    def price_text(self) -> str:
        """The price as it is written in Vietnam: 1.250.000 ₫."""
        return f"{self.price:,} ₫".replace(",", ".")
