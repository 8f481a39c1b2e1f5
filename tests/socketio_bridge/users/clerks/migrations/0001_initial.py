from django.contrib.auth.models import UserManager
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("auth", "0012_alter_user_first_name_max_length")]
    operations = [
        migrations.CreateModel(
            "Clerk", [], {"proxy": True}, bases=("auth.user",), managers=[("objects", UserManager())]
        ),
    ]
