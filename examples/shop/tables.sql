-- The shop's own table. It is in the ledger's database, so an order and its job can be written in one transaction.
create table orders (
    id      bigint generated always as identity primary key,
    item    text not null check (item <> ''),
    cents   integer not null check (cents > 0),
    job_id  uuid not null,
    invoice text
);
grant select, insert, update on orders to app;
