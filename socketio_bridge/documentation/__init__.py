"""Documents made from an application's namespaces: AsyncAPI, and a page for readers."""
