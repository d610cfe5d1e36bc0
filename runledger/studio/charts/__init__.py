"""What a run logged: charts, values, tables, figures and images; and the charts of several runs at once."""
