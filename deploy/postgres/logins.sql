-- The logins of web and worker, run once by the postgres image, when its volume is empty.
-- Neither is a superuser. The migrations give them their rights.
\set ON_ERROR_STOP on
\set app_password `cat /run/secrets/app_password`
\set worker_password `cat /run/secrets/worker_password`
create role backhaul_app login nosuperuser nobypassrls password :'app_password';
create role backhaul_worker login nosuperuser nobypassrls password :'worker_password';
