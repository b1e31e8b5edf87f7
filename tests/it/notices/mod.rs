//! Notices: who is told, by whose decision, and what a mail server and a crash can do to it.

mod campaign;
mod capture;
mod crash;
mod delivery;
pub mod fixture;
mod hooks;
mod hooks_scene;
mod hooks_sns;
mod letters;
mod planned;
mod postfix;
mod returns;
pub mod sink;
mod tls;
mod tls_server;
