"""The database side: the only package that imports PyMySQL, and that when it connects."""
