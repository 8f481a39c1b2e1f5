from argparse import ArgumentParser

from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.models import User
from shops.models import Product, Shop

BUYERS = {"lan": "Nguyễn Thị Lan", "minh": "Trần Văn Minh"}
OWNERS = {"hoa": "Lê Thị Hoa", "tuan": "Phạm Anh Tuấn", "mai": "Đỗ Thị Mai"}
STAFF = {"admin": "Vũ Quang Huy", "support": "Bùi Thu Hương"}
SUPPORT_MAY = ("view_user", "view_shop", "view_product", "change_product")
SHOPS = {
    "gom-bat-trang": ("hoa", "Gốm Bát Tràng", "Hà Nội", "Bowls, cups and vases, fired in our own kiln."),
    "ca-phe-buon-ma": ("tuan", "Cà phê Buôn Ma", "Buôn Ma Thuột", "Coffee from the farm, roasted the day it leaves."),
    "lua-hoi-an": ("mai", "Lụa Hội An", "Hội An", "Silk and lanterns, sewn to measure in the old town."),
}
PRODUCTS = {
    "gom-bat-trang": (
        ("Bộ ấm trà men lam", "A teapot and six cups with blue glaze.", 850_000, 12),
        ("Tô phở hoa sen", "A bowl for phở with a lotus on its side.", 120_000, 80),
        ("Bình hoa men rạn", "A vase with crackle glaze, 30 cm high.", 1_250_000, 4),
        ("Đĩa cá chép", "A plate with a carp, painted by hand.", 240_000, 25),
    ),
    "ca-phe-buon-ma": (
        ("Cà phê Robusta rang mộc", "Dark and strong, for a phin. 500 g.", 145_000, 200),
        ("Cà phê Arabica Cầu Đất", "From 1,600 m above the sea, beans, 500 g.", 210_000, 90),
        ("Phin nhôm", "A drip filter for one cup.", 45_000, 150),
        ("Sữa đặc", "Condensed milk, a tin of 380 g.", 32_000, 0),
        ("Sô cô la Tiền Giang 72%", "Dark chocolate with a little sea salt.", 98_000, 60),
    ),
    "lua-hoi-an": (
        ("Áo dài lụa tơ tằm", "Silk, sewn to your measures in three days.", 2_400_000, 7),
        ("Đèn lồng vải", "A lantern of cloth and bamboo, folds flat.", 180_000, 40),
        ("Khăn lụa", "A scarf with the pattern of the Japanese bridge.", 320_000, 33),
        ("Nón lá bài thơ", "A hat of palm leaves; a poem shows against the light.", 95_000, 51),
        ("Túi thổ cẩm", "A purse of brocade from the mountains.", 150_000, 18),
    ),
}


class Command(BaseCommand):
    help = "Make a few users, shops and products. What is there already stays as it is."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--password", help="of all of these users; with DEBUG it is 'marketplace' if not given")

    @transaction.atomic
    def handle(self, *args: object, password: str | None, **options: object) -> None:
        password = password or ("marketplace" if settings.DEBUG else None)
        if password is None:
            raise CommandError("Give a --password: without DEBUG others may reach this site.")
        users = {name: self.user(name, shown, password) for name, shown in {**BUYERS, **OWNERS, **STAFF}.items()}
        users["support"].user_permissions.add(*Permission.objects.filter(codename__in=SUPPORT_MAY))
        users["support"].groups.add(*Group.objects.filter(name="Support"))  # moderation's migration makes it
        for slug, (owner, name, city, about) in SHOPS.items():
            shop, is_new = Shop.objects.get_or_create(
                slug=slug, defaults={"owner": users[owner], "name": name, "city": city, "about": about}
            )
            if is_new:
                for product, description, price, stock in PRODUCTS[slug]:
                    Product.objects.create(shop=shop, name=product, description=description, price=price, stock=stock)
        self.stdout.write(
            f"Buyers: {', '.join(BUYERS)}. Shop owners: {', '.join(OWNERS)}. Staff: {', '.join(STAFF)}. "
            f"Those that are new have the password {password}"
        )

    def user(self, username: str, display_name: str, password: str) -> User:
        user = User.objects.filter(username=username).first()
        return user or User.objects.create_user(
            username,
            password=password,
            display_name=display_name,
            is_staff=username in STAFF,
            is_superuser=username == "admin",
        )
