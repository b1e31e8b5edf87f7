mod hostile;
mod real;
mod return_path;
