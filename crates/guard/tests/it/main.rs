//! The guard between real connections: each test starts an origin and a guard of its own.

mod drain;
mod fields;
mod forwarding;
mod limits;
mod lying;
mod patience;
mod protocols;
mod rules;
mod shapes;
mod stand;
mod tripwire;
mod tunnels;
