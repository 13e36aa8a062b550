# One virtual machine with a data disk, a firewall, a fixed address and DNS records.
module "cloud_init" {
  source = "../cloud-init"

  role                = var.role
  admin_user          = var.admin_user
  ssh_authorized_keys = var.ssh_authorized_keys
  ssh_source_cidrs    = var.ssh_source_cidrs
  data_device         = "/dev/disk/azure/scsi1/lun0"
  stack               = var.stack
  domain              = var.domain
  stack_settings      = var.stack_settings
  bundle              = var.bundle
  image               = var.gateway_image
  packages            = var.packages
}

locals {
  record  = var.domain == var.dns_zone ? "@" : trimsuffix(var.domain, ".${var.dns_zone}")
  records = var.dns_zone == "" ? toset([]) : toset([local.record, local.record == "@" ? "*" : "*.${local.record}"])
}

resource "azurerm_resource_group" "this" {
  name     = var.name
  location = var.location
  tags     = var.tags
}

resource "azurerm_virtual_network" "this" {
  name                = var.name
  resource_group_name = azurerm_resource_group.this.name
  location            = azurerm_resource_group.this.location
  address_space       = ["10.77.0.0/24"]
  tags                = var.tags
}

resource "azurerm_subnet" "this" {
  name                 = "machines"
  resource_group_name  = azurerm_resource_group.this.name
  virtual_network_name = azurerm_virtual_network.this.name
  address_prefixes     = ["10.77.0.0/26"]
}

resource "azurerm_network_security_group" "this" {
  name                = var.name
  resource_group_name = azurerm_resource_group.this.name
  location            = azurerm_resource_group.this.location
  tags                = var.tags

  security_rule {
    name                       = "ssh"
    priority                   = 100
    direction                  = "Inbound"
    access                     = "Allow"
    protocol                   = "Tcp"
    source_port_range          = "*"
    source_address_prefixes    = var.ssh_source_cidrs
    destination_port_range     = "22"
    destination_address_prefix = "*"
  }

  dynamic "security_rule" {
    for_each = length(module.cloud_init.public_tcp_ports) == 0 ? [] : ["public"]
    content {
      name                       = security_rule.value
      priority                   = 110
      direction                  = "Inbound"
      access                     = "Allow"
      protocol                   = "Tcp"
      source_port_range          = "*"
      source_address_prefix      = "Internet"
      destination_port_ranges    = [for port in module.cloud_init.public_tcp_ports : tostring(port)]
      destination_address_prefix = "*"
    }
  }
}

resource "azurerm_subnet_network_security_group_association" "this" {
  subnet_id                 = azurerm_subnet.this.id
  network_security_group_id = azurerm_network_security_group.this.id
}

resource "azurerm_public_ip" "this" {
  name                = var.name
  resource_group_name = azurerm_resource_group.this.name
  location            = azurerm_resource_group.this.location
  allocation_method   = "Static"
  sku                 = "Standard"
  zones               = [var.zone]
  tags                = var.tags

  lifecycle {
    create_before_destroy = true
  }
}

resource "azurerm_network_interface" "this" {
  name                = var.name
  resource_group_name = azurerm_resource_group.this.name
  location            = azurerm_resource_group.this.location
  tags                = var.tags

  ip_configuration {
    name                          = "primary"
    subnet_id                     = azurerm_subnet.this.id
    private_ip_address_allocation = "Dynamic"
    public_ip_address_id          = azurerm_public_ip.this.id
  }
}

resource "azurerm_managed_disk" "data" {
  name                          = "${var.name}-data"
  resource_group_name           = azurerm_resource_group.this.name
  location                      = azurerm_resource_group.this.location
  zone                          = var.zone
  storage_account_type          = var.data_disk_type
  create_option                 = "Empty"
  disk_size_gb                  = var.data_disk_gb
  network_access_policy         = "DenyAll"
  public_network_access_enabled = false
  tags                          = var.tags
}

resource "azurerm_management_lock" "data" {
  count = var.protected ? 1 : 0

  name       = "data"
  scope      = azurerm_managed_disk.data.id
  lock_level = "CanNotDelete"
  notes      = "The telemetry of all tenants."
}

resource "azurerm_linux_virtual_machine" "this" {
  name                            = var.name
  resource_group_name             = azurerm_resource_group.this.name
  location                        = azurerm_resource_group.this.location
  zone                            = var.zone
  size                            = var.size
  admin_username                  = var.admin_user
  disable_password_authentication = true
  network_interface_ids           = [azurerm_network_interface.this.id]
  custom_data                     = base64encode(module.cloud_init.user_data)
  secure_boot_enabled             = true
  vtpm_enabled                    = true
  tags                            = var.tags

  admin_ssh_key {
    username   = var.admin_user
    public_key = var.ssh_authorized_keys[0]
  }

  os_disk {
    caching              = "ReadWrite"
    storage_account_type = "StandardSSD_LRS"
  }

  source_image_reference {
    publisher = var.source_image.publisher
    offer     = var.source_image.offer
    sku       = var.source_image.sku
    version   = var.source_image.version
  }

  boot_diagnostics {}

  lifecycle {
    # cloud-init runs once: a change of its settings would only replace the machine.
    ignore_changes = [custom_data, source_image_reference]
  }
}

resource "azurerm_virtual_machine_data_disk_attachment" "data" {
  virtual_machine_id = azurerm_linux_virtual_machine.this.id
  managed_disk_id    = azurerm_managed_disk.data.id
  lun                = 0
  caching            = "ReadOnly"
}

resource "azurerm_dns_a_record" "this" {
  for_each = local.records

  name                = each.value
  zone_name           = var.dns_zone
  resource_group_name = var.dns_zone_resource_group
  ttl                 = 300
  records             = [azurerm_public_ip.this.ip_address]
  tags                = var.tags
}
