"""What shows a report: HTML for a file and for a dashboard of CloudWatch."""
