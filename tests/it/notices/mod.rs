//! Notices: who is told, by whose decision, and what a mail server and a crash can do to it.

mod campaign;
mod capture;
mod crash;
mod delivery;
mod faults;
pub mod fixture;
mod hooks;
mod hooks_scene;
mod hooks_sns;
mod letters;
mod planned;
mod portal;
mod portal_alarm;
mod portal_gift;
mod portal_scene;
mod portal_tenant;
mod postfix;
mod postmaster;
mod returns;
pub mod sink;
mod tls;
mod tls_server;
