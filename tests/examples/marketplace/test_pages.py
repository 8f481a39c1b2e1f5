"""The example project as its visitors see it: each page, logged in and not."""

from __future__ import annotations

import re

import pytest

from tests.examples.marketplace.project import Marketplace, Visitor

pytestmark = pytest.mark.slow


def change_forms(pages: dict[str, str], model: str) -> list[str]:
    return [page for path, page in pages.items() if re.fullmatch(rf"/admin/{model}/\d+/change/", path)]


def test_a_stranger_sees_all_shops_and_products(marketplace: Marketplace) -> None:
    pages = Visitor(marketplace.url).open_all()
    assert len([path for path in pages if path.startswith("/products/")]) == 14
    assert len([path for path in pages if path.startswith("/shops/")]) == 3
    assert {"/", "/?page=2", "/?page=1"} <= set(pages)
    [vase] = [page for path, page in pages.items() if path.startswith("/products/") and "<h1>Bình hoa men rạn" in page]
    assert "1.250.000 ₫" in vase
    assert "4 in stock" in vase
    assert "Gốm Bát Tràng</a>, Hà Nội" in vase
    assert "kept by Lê Thị Hoa" in pages["/shops/gom-bat-trang/"]


def test_a_stranger_logs_in_first_to_see_an_account(marketplace: Marketplace) -> None:
    assert "<h1>Log in</h1>" in Visitor(marketplace.url).open("/account/")


def test_who_logs_in_sees_the_own_account_and_logs_out(marketplace: Marketplace) -> None:
    hoa = Visitor(marketplace.url, "hoa")
    account = hoa.open("/account/")
    assert "<h1>Lê Thị Hoa</h1>" in account
    assert 'href="/shops/gom-bat-trang/"' in account
    assert "/admin/" not in account
    assert "Log in</a>" in hoa.post("/logout/")
    assert "<h1>Log in</h1>" in hoa.open("/account/")


def test_a_wrong_password_is_refused(marketplace: Marketplace) -> None:
    stranger = Visitor(marketplace.url)
    stranger.open("/login/")
    assert "Please enter a correct username" in stranger.post("/login/", username="lan", password="wrong")


def test_particulars_are_kept(marketplace: Marketplace) -> None:
    minh = Visitor(marketplace.url, "minh")
    page = minh.post("/account/", display_name="Trần Văn Minh", phone="0901 234 567", email="minh@chonho.example")
    assert "Saved." in page
    assert 'value="0901 234 567"' in minh.open("/account/")
    assert "valid email" in minh.post("/account/", display_name="Somebody", phone="", email="none")
    assert "<h1>Trần Văn Minh</h1>" in minh.open("/account/")


def test_the_admin_is_the_projects_own_site(marketplace: Marketplace) -> None:
    pages = Visitor(marketplace.url, "admin").open_all("/admin/", below="/admin/")
    assert "Chợ Nhỏ, the back office" in pages["/admin/"]
    for model, count in {"accounts/user": 7, "shops/shop": 3, "shops/product": 14}.items():
        assert len([path for path in pages if re.fullmatch(rf"/admin/{model}/\d+/change/", path)]) == count
        assert f"/admin/{model}/add/" in pages
    assert (
        'name="phone"' in pages[next(path for path in pages if re.fullmatch(r"/admin/accounts/user/\d+/change/", path))]
    )


def test_support_may_change_products_and_only_look_at_the_rest(marketplace: Marketplace) -> None:
    pages = Visitor(marketplace.url, "support").open_all("/admin/", below="/admin/")
    assert "/admin/auth/group/" not in pages
    saved = {
        model: {'name="_save"' in page for page in change_forms(pages, model)}
        for model in ("accounts/user", "shops/shop", "shops/product")
    }
    assert saved == {"accounts/user": {False}, "shops/shop": {False}, "shops/product": {True}}


@pytest.mark.parametrize("username", ["lan", None])
def test_others_stay_out_of_the_admin(marketplace: Marketplace, username: str | None) -> None:
    assert 'id="login-form"' in Visitor(marketplace.url, username).open("/admin/")
