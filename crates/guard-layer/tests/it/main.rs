//! The layer as the guard: the same requests, the same answers. And what is the layer's own.

mod cases;
mod inside;
mod same;
