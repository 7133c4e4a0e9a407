"""The history of rules and budgets only grows: the database refuses to change or delete an event.

SQLite refuses changes only, for the reason told in 0002.
"""

from django.db import migrations

TABLE = "replenishment_settingevent"

FORWARDS = {
    "postgresql": [
        """
        CREATE FUNCTION replenishment_setting_event_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'changes of settings are append-only' USING ERRCODE = 'restrict_violation';
        END
        $$
        """,
        f"""
        CREATE TRIGGER replenishment_setting_event_is_append_only BEFORE UPDATE OR DELETE ON {TABLE}
        FOR EACH ROW EXECUTE FUNCTION replenishment_setting_event_refuse()
        """,
    ],
    "sqlite": [
        f"""
        CREATE TRIGGER replenishment_setting_event_is_append_only BEFORE UPDATE ON {TABLE}
        BEGIN SELECT RAISE(ABORT, 'changes of settings are append-only'); END
        """,
    ],
}
BACKWARDS = {
    "postgresql": [
        f"DROP TRIGGER replenishment_setting_event_is_append_only ON {TABLE}",
        "DROP FUNCTION replenishment_setting_event_refuse()",
    ],
    "sqlite": ["DROP TRIGGER replenishment_setting_event_is_append_only"],
}


def forwards(apps, schema_editor):
    for statement in FORWARDS[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)


def backwards(apps, schema_editor):
    for statement in BACKWARDS[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("replenishment", "0004_policies_budgets_actions")]

    operations = [migrations.RunPython(forwards, backwards)]
