"""What screens, reports and pages draw: charts, tables' data, photos."""
