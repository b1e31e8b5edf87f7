//! One document in four forms, read back by programs of others.

mod anything;
mod common;
mod docx;
mod html;
mod letters;
mod limits;
mod pdf;
mod sample;
mod text;
