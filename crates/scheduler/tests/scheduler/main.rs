//! What happens by itself, on real databases.

mod files;
mod instances;
mod month;
mod stand_in;
mod translating;
