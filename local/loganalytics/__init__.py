"""Log Analytics on one machine: the tables of online endpoints, and the query API over them."""
