"""The history of orders only grows: the database refuses to change or delete an event.

SQLite refuses changes only: Django empties a SQLite database with DELETE, which a trigger can't tell from
a deletion of history. PostgreSQL refuses both.
"""

from django.db import migrations

TABLE = "replenishment_purchaseorderevent"

FORWARDS = {
    "postgresql": [
        """
        CREATE FUNCTION replenishment_event_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'purchase order events are append-only' USING ERRCODE = 'restrict_violation';
        END
        $$
        """,
        f"""
        CREATE TRIGGER replenishment_event_is_append_only BEFORE UPDATE OR DELETE ON {TABLE}
        FOR EACH ROW EXECUTE FUNCTION replenishment_event_refuse()
        """,
    ],
    "sqlite": [
        f"""
        CREATE TRIGGER replenishment_event_is_append_only BEFORE UPDATE ON {TABLE}
        BEGIN SELECT RAISE(ABORT, 'purchase order events are append-only'); END
        """,
    ],
}
BACKWARDS = {
    "postgresql": [
        f"DROP TRIGGER replenishment_event_is_append_only ON {TABLE}",
        "DROP FUNCTION replenishment_event_refuse()",
    ],
    "sqlite": ["DROP TRIGGER replenishment_event_is_append_only"],
}


def forwards(apps, schema_editor):
    for statement in FORWARDS[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)


def backwards(apps, schema_editor):
    for statement in BACKWARDS[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("replenishment", "0001_initial")]

    operations = [migrations.RunPython(forwards, backwards)]
