"""What others have made on the ledger's tables and functions: views, triggers, foreign keys, grants, publications.

An upgrade leaves all of it as it is. It looks before and after, in one transaction, and where something would be gone,
nothing happens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from psycopg import Connection

OTHERS: Final = """
    with ours as (
        select 'pg_class'::regclass as classid, c.oid, c.relowner as owner, c.relacl as rights
        from pg_class c
        where c.relnamespace = 'ledger'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
        union all
        select 'pg_proc'::regclass, p.oid, p.proowner, p.proacl
        from pg_proc p where p.pronamespace = 'ledger'::regnamespace
        union all
        select 'pg_type'::regclass, t.oid, t.typowner, null from pg_type t where t.typnamespace = 'ledger'::regnamespace
        union all
        select 'pg_namespace'::regclass, n.oid, n.nspowner, n.nspacl from pg_namespace n where n.nspname = 'ledger'
    ), dependent as (
        select distinct d.classid, d.objid
        from pg_depend d join ours o on d.refclassid = o.classid and d.refobjid = o.oid
        -- tables and functions of ours are said to depend on our schema
        where not exists (select from ours i where i.classid = d.classid and i.oid = d.objid)
    )
    select format('%s %s', d.classid, d.objid) as key,
           coalesce((select format('view %I.%I', n.nspname, c.relname)
                     from pg_rewrite r join pg_class c on c.oid = r.ev_class
                     join pg_namespace n on n.oid = c.relnamespace
                     where d.classid = 'pg_rewrite'::regclass and r.oid = d.objid and r.rulename = '_RETURN'),
                    i.type || ' ' || i.identity) as what
    from dependent d cross join lateral pg_identify_object(d.classid, d.objid, 0) i
    where case d.classid
        when 'pg_rewrite'::regclass
            then (select r.rulename <> '_RETURN' or r.ev_class not in (select o.oid from ours o)
                  from pg_rewrite r where r.oid = d.objid)
        when 'pg_constraint'::regclass
            then (select c.conrelid not in (select o.oid from ours o) from pg_constraint c where c.oid = d.objid)
        when 'pg_attrdef'::regclass
            then (select a.adrelid not in (select o.oid from ours o) from pg_attrdef a where a.oid = d.objid)
        when 'pg_trigger'::regclass
            then (select not t.tgisinternal and not (t.tgrelid in (select o.oid from ours o)
                                                     and t.tgfoid in (select o.oid from ours o))
                  from pg_trigger t where t.oid = d.objid)
        when 'pg_policy'::regclass then false  -- those are rights: see ledger.rights_found
        else i.schema is distinct from 'ledger' and i.schema is distinct from 'pg_toast'
    end
    union all
    select format('%s %s %s %s', o.classid, o.oid, x.grantee, x.privilege_type),
           format('grant of %s on %s to %I', lower(x.privilege_type), i.identity, r.rolname)
    from ours o cross join lateral aclexplode(o.rights) x join pg_roles r on r.oid = x.grantee
    cross join lateral pg_identify_object(o.classid, o.oid, 0) i
    where x.grantee <> o.owner
      and r.rolname not in ('ledger_client', 'ledger_processor', 'ledger_auditor', 'ledger_operator')
    union all
    select format('column %s %s %s %s', a.attrelid, a.attnum, x.grantee, x.privilege_type),
           format('grant of %s (%I) on %s to %I', lower(x.privilege_type), a.attname, i.identity, r.rolname)
    from ours o join pg_attribute a on o.classid = 'pg_class'::regclass and a.attrelid = o.oid
    cross join lateral aclexplode(a.attacl) x join pg_roles r on r.oid = x.grantee
    cross join lateral pg_identify_object(o.classid, o.oid, 0) i
    where r.rolname not in ('ledger_client', 'ledger_processor', 'ledger_auditor', 'ledger_operator')
"""
"""``key`` stays the same as long as the thing is there, also where what it belongs to gets another name."""


def find_others(connection: Connection[Any]) -> dict[str, str]:
    """What others have made on what is the ledger's: key and name, in the order of the names. Reads only."""
    from psycopg.rows import tuple_row
    from psycopg.sql import SQL

    with connection.cursor(row_factory=tuple_row) as cursor:
        query = SQL("select o.key, o.what from ({}) o order by o.what, o.key").format(SQL(OTHERS))
        return dict(cursor.execute(query).fetchall())
