-- A seat that changes tells its revision, as everything does that can be changed.

alter table member add column revision bigint not null default 1;
comment on column member.revision is 'Counts the writes; the strong ETag is made of it.';
