//! The guard between real connections: each test starts an origin and a guard of its own.

mod access_log;
mod access_log_parts;
mod admission;
mod binding;
mod declaration;
mod drain;
mod fields;
mod forwarding;
mod identity;
mod limits;
mod lying;
mod patience;
mod protocols;
mod rules;
mod school;
mod shapes;
mod stand;
mod tripwire;
mod tunnels;
