output "ipv4_address" {
  description = "IPv4 address of the server."
  value       = hcloud_primary_ip.ipv4.ip_address
}

output "ipv6_address" {
  description = "IPv6 address of the server."
  value       = hcloud_server.this.ipv6_address
}

output "ssh" {
  description = "The command that connects to the server."
  value       = "ssh ${var.admin_user}@${hcloud_primary_ip.ipv4.ip_address}"
}

output "data_device" {
  description = "The volume's device on the server, mounted at /srv/data."
  value       = hcloud_volume.data.linux_device
}
