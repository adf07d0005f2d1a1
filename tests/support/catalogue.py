"""All that Postgres knows of the schema ledger, as comparable facts: to the last comment and grant."""

from __future__ import annotations

from typing import Any

from psycopg import Connection
from psycopg.rows import tuple_row

FACTS = {
    "schema": """
        select n.nspname, n.nspowner::regrole::text, obj_description(n.oid, 'pg_namespace'),
               r.grantee::regrole::text, r.privilege_type
        from pg_namespace n left join lateral aclexplode(n.nspacl) r on true where n.nspname = 'ledger'
    """,
    "relations": """
        select c.relname, c.relkind, c.relpersistence, c.reloptions, c.relreplident, c.relrowsecurity,
               c.relforcerowsecurity, c.relowner::regrole::text, obj_description(c.oid, 'pg_class'),
               case when c.relkind = 'v' then pg_get_viewdef(c.oid) end
        from pg_class c
        where c.relnamespace = 'ledger'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    """,
    # not their order: what is added to a table stands last, and all code names the columns it wants
    "columns": """
        select c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
               pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated, a.attstorage, a.attcompression,
               coalesce(a.attstattarget, -1), a.attcollation::regcollation::text, col_description(c.oid, a.attnum)
        from pg_class c join pg_attribute a on a.attrelid = c.oid
        left join pg_attrdef d on (d.adrelid, d.adnum) = (c.oid, a.attnum)
        where c.relnamespace = 'ledger'::regnamespace and c.relkind in ('r', 'p', 'v')
          and a.attnum > 0 and not a.attisdropped
    """,
    "constraints": """
        select k.conname, k.conrelid::regclass::text, pg_get_constraintdef(k.oid), k.convalidated,
               obj_description(k.oid, 'pg_constraint')
        from pg_constraint k where k.connamespace = 'ledger'::regnamespace and k.contype <> 't'
    """,
    "indexes": """
        select pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisprimary, obj_description(i.indexrelid, 'pg_class')
        from pg_index i join pg_class c on c.oid = i.indrelid where c.relnamespace = 'ledger'::regnamespace
    """,
    "functions": """
        select p.oid::regprocedure::text, pg_get_functiondef(p.oid), p.proowner::regrole::text,
               obj_description(p.oid, 'pg_proc')
        from pg_proc p where p.pronamespace = 'ledger'::regnamespace
    """,
    "triggers": """
        select pg_get_triggerdef(t.oid), t.tgenabled, obj_description(t.oid, 'pg_trigger')
        from pg_trigger t join pg_class c on c.oid = t.tgrelid
        where c.relnamespace = 'ledger'::regnamespace and not t.tgisinternal
    """,
    "policies": """
        select p.polname, p.polrelid::regclass::text, p.polcmd, p.polpermissive, p.polroles::text,
               pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)
        from pg_policy p join pg_class c on c.oid = p.polrelid where c.relnamespace = 'ledger'::regnamespace
    """,
    "grants": """
        select x.what, r.grantee::regrole::text, r.privilege_type, r.is_grantable
        from (select c.oid::regclass::text, c.relacl from pg_class c
              where c.relnamespace = 'ledger'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
              union all
              select p.oid::regprocedure::text, p.proacl from pg_proc p
              where p.pronamespace = 'ledger'::regnamespace
              union all
              select c.oid::regclass || '.' || a.attname, a.attacl
              from pg_attribute a join pg_class c on c.oid = a.attrelid
              where c.relnamespace = 'ledger'::regnamespace) x (what, rights)
        cross join lateral aclexplode(x.rights) r
    """,
    "rights as written down": "select r.what, r.place, r.give from ledger.rights r",
}


def read_catalogue(connection: Connection[Any]) -> dict[str, list[str]]:
    """The facts by kind, each as a text, in an order of their own."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        return {kind: sorted(map(repr, cursor.execute(query.encode()))) for kind, query in FACTS.items()}
