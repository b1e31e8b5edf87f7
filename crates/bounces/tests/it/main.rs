mod hostile;
mod providers;
mod real;
mod return_path;
