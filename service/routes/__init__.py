"""The HTTP routes, one module a family; a family has one shape of request, response and error."""
