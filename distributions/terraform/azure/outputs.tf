output "ipv4_address" {
  description = "Public IPv4 address of the machine."
  value       = azurerm_public_ip.this.ip_address
}

output "ssh" {
  description = "The command that connects to the machine."
  value       = "ssh ${var.admin_user}@${azurerm_public_ip.this.ip_address}"
}
